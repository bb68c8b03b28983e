import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from './http.ts';

type Page = { name: string; title: string };
type Content = { title: string; html: string };

/** The documents of holdfast. at is the name of one, and after a slash the id of a heading. */
export function HelpPages({ at }: { at: string }) {
  const [name = '', heading = ''] = at.split('/');
  const [pages, setPages] = useState<Page[]>([]);
  const [page, setPage] = useState<Content & { name: string }>();
  const [failure, setFailure] = useState('');
  const article = useRef<HTMLElement>(null);
  const wanted = name || pages[0]?.name || '';

  useEffect(() => {
    api<Page[]>('/api/help').then((all) => setPages(all.sort((a, b) => Number(b.name === 'console') - Number(a.name === 'console'))), (error: Error) => setFailure(error.message));
  }, []);
  useEffect(() => {
    if (!wanted) return;
    let current = true;
    api<Content>(`/api/help/${encodeURIComponent(wanted)}`).then(
      (content) => current && (setPage({ ...content, name: wanted }), setFailure('')),
      (error: Error) => current && setFailure(error.message),
    );
    return () => {
      current = false;
    };
  }, [wanted]);
  useEffect(() => {
    if (!page || page.name !== wanted) return;
    // A table without a head has an empty one in Markdown.
    for (const head of article.current!.querySelectorAll('thead')) {
      if (head.textContent!.trim() === '') head.remove();
    }
    for (const cell of article.current!.querySelectorAll('th:empty')) cell.replaceWith(document.createElement('td'));
    const found = heading && article.current?.querySelector(`[id="${CSS.escape(heading)}"]`);
    if (found) found.scrollIntoView();
    else article.current?.parentElement?.scrollTo(0, 0);
  }, [page, heading, wanted]);

  // A link inside a page names a heading alone, and the hash of the location belongs to the tabs.
  // Links to other places open there, so that the page stays logged in to where it is.
  const follow = (event: MouseEvent) => {
    const link = (event.target as Element).closest('a');
    const target = link?.getAttribute('href') ?? '';
    if (target.startsWith('#help/')) return;
    event.preventDefault();
    if (!target.startsWith('#')) open(target, '_blank', 'noopener');
    else location.hash = `#help/${wanted}/${target.slice(1)}`;
  };
  return (
    <div class="helpPages">
      <nav aria-label="Pages of the help">
        {pages.map((entry) => (
          <a key={entry.name} href={`#help/${entry.name}`} aria-current={entry.name === wanted ? 'page' : undefined}>
            {entry.title}
          </a>
        ))}
      </nav>
      <div class="helpText" tabIndex={0} role="region" aria-label="Help">
        {failure && <p class="failure">{failure}</p>}
        {page && <article ref={article} onClick={follow} dangerouslySetInnerHTML={{ __html: page.html }} />}
      </div>
    </div>
  );
}
