// Draws data (see pageData) into #chart. A node of the tree has its value in the
// profile (v) and in the base (b), both in units of the profile's total. Its name
// is an index of data.names, -1 for the root, -2 - i for class i: two designs have
// few callers in common, so a differential graph has a row of classes first.
(() => {
  'use strict';
  const rowHeight = 17, minWidth = 0.5, minText = 28; // px
  const differential = data.baseName !== '';
  const byID = (id) => document.getElementById(id);
  const chart = byID('chart'), detail = byID('detail'), search = byID('search');
  const hint = detail.textContent;
  let side = 'v', leafFirst = false, root, zoomed, pattern = null;

  const classOf = (name) => name < -1 ? -2 - name : name < 0 ? -1 : data.own[name];

  function makeNode(name, parent) {
    const own = classOf(name);
    const inherited = parent && !leafFirst ? parent.kind : data.classes.length - 1;
    return { name, parent, kind: own < 0 ? inherited : own, v: 0, b: 0, selfV: 0, selfB: 0, below: new Map() };
  }

  function pathOf(stack) {
    const path = leafFirst ? stack.f.toReversed() : stack.f;
    if (!differential) return path;
    const decisive = stack.f.findLast((f) => data.own[f] >= 0);
    return [-2 - (decisive === undefined ? data.classes.length - 1 : data.own[decisive]), ...path];
  }

  function build() {
    root = zoomed = makeNode(-1, null);
    for (const s of data.stacks) {
      let at = root;
      const add = (n) => { n.v += s.v; n.b += s.b; };
      add(root);
      for (const f of pathOf(s)) {
        if (!at.below.has(f)) at.below.set(f, makeNode(f, at));
        at = at.below.get(f);
        add(at);
      }
      at.selfV += s.v;
      at.selfB += s.b;
    }
  }

  function nameOf(n) {
    if (n.name >= 0) return data.names[n.name];
    return n.name === -1 ? 'all' : `[${data.classes[n.kind]}]`;
  }

  function label(n) {
    if (n.name < -1) return `${nameOf(n)} ${points(n)}`;
    return nameOf(n).replace(/^[^[(]*\/(?!v\d+\.)/, '');
  }

  const percent = (v) => (data.total > 0 ? 100 * v / data.total : 0).toFixed(1) + ' %';
  const change = (n) => data.total > 0 ? (n.v - n.b) / data.total : 0;
  const points = (n) => `${change(n) > 0 ? '+' : ''}${(100 * change(n)).toFixed(1)}`;
  const matches = (n) => pattern !== null && n.name >= 0 && pattern.test(nameOf(n));

  function amount(v) {
    if (data.unit !== 'bytes') return Math.round(v) + ' ' + data.unit;
    const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
    let i = 0;
    for (; v >= 1024 && i < units.length - 1; i++) v /= 1024;
    return v.toFixed(i === 0 ? 0 : 1) + ' ' + units[i];
  }

  function describe(n) {
    let text = `${nameOf(n)}: ${amount(n.v)}, ${percent(n.v)} (itself ${percent(n.selfV)})`;
    if (!differential) return n.name < 0 ? text : `${text}, ${data.classes[n.kind]}`;
    text = text.replace(': ', `: ${data.name} `);
    return `${text}, ${data.baseName} ${amount(n.b * data.scale)}, ${percent(n.b)} (itself ${percent(n.selfB)}): ` +
      `${points(n)} points`;
  }

  // shade exaggerates small differences, so that they can be seen.
  function shade(n) {
    const strength = 100 * Math.sqrt(Math.min(1, Math.abs(change(n))));
    return `color-mix(in srgb, var(--${change(n) > 0 ? 'more' : 'less'}) ${strength.toFixed(1)}%, var(--same))`;
  }

  function draw(into, n, x, width, row, above) {
    const box = document.createElement('div');
    const pixels = width * chart.clientWidth;
    box.className = `f ${differential ? 'same' : 'c' + n.kind}`;
    box.classList.toggle('above', above);
    box.classList.toggle('thin', pixels < 4);
    box.classList.toggle('hit', matches(n));
    box.style.cssText = `left:${100 * x}%;width:${100 * width}%;top:${row * rowHeight}px`;
    if (differential) box.style.background = shade(n);
    if (pixels >= minText) box.textContent = label(n);
    box.title = describe(n);
    box.node = n;
    into.push(box);
  }

  function render() {
    const boxes = [], total = zoomed[side];
    let row = 0, deepest = 0;
    const callers = [];
    for (let n = zoomed.parent; n; n = n.parent) callers.unshift(n);
    for (const n of callers) draw(boxes, n, 0, 1, row++, true);
    const walk = (n, x, row) => {
      const width = total > 0 ? n[side] / total : 1;
      if (width * chart.clientWidth < minWidth) return;
      draw(boxes, n, x, width, row, false);
      deepest = Math.max(deepest, row);
      for (const child of [...n.below.values()].sort((a, b) => b[side] - a[side])) {
        walk(child, x, row + 1);
        x += total > 0 ? child[side] / total : 0;
      }
    };
    walk(zoomed, 0, row);
    chart.style.height = (deepest + 2) * rowHeight + 'px';
    chart.replaceChildren(...boxes);
    showMatched();
  }

  // showMatched says what share of what is shown lies in or below a match.
  function showMatched() {
    const sum = (n) => matches(n) ? n[side] : [...n.below.values()].reduce((s, child) => s + sum(child), 0);
    const share = zoomed[side] > 0 ? 100 * sum(zoomed) / zoomed[side] : 0;
    if (pattern !== null) byID('matched').textContent = `matched ${share.toFixed(1)} %`;
  }

  function find() {
    pattern = null;
    byID('matched').textContent = '';
    try {
      if (search.value !== '') pattern = new RegExp(search.value, 'i');
    } catch {
      byID('matched').textContent = 'not a regular expression';
    }
    render();
  }

  function zoom(n) {
    zoomed = n;
    render();
  }

  chart.addEventListener('click', (e) => { if (e.target.node) zoom(e.target.node); });
  chart.addEventListener('mouseover', (e) => { if (e.target.node) detail.textContent = describe(e.target.node); });
  chart.addEventListener('mouseleave', () => { detail.textContent = hint; });
  search.addEventListener('input', find);
  byID('reset').addEventListener('click', () => { search.value = ''; zoomed = root; find(); });
  byID('turn').addEventListener('click', () => {
    leafFirst = !leafFirst;
    byID('turn').setAttribute('aria-pressed', leafFirst);
    build();
    render();
  });
  byID('side')?.addEventListener('click', () => {
    byID('side').textContent = 'widths of ' + (side === 'v' ? data.name : data.baseName);
    side = side === 'v' ? 'b' : 'v';
    render();
  });
  document.addEventListener('keydown', (e) => {
    if (e.key === 'Escape') zoom(root);
    if (e.key !== 'f' || !(e.ctrlKey || e.metaKey)) return;
    e.preventDefault();
    search.focus();
  });
  window.addEventListener('resize', render);
  build();
  render();
})();
