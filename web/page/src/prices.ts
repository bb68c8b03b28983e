const limit = 256;

class Line {
  readonly seconds: number[] = [];
  readonly prices: number[] = [];
  private spacing = 1;

  add(second: number, price: number) {
    const last = this.seconds.length - 1;
    // Within the spacing only the newest price counts.
    if (last >= 0 && (second <= this.seconds[last]! || (last > 0 && second - this.seconds[last - 1]! < this.spacing))) {
      this.prices[last] = price;
      return;
    }
    this.seconds.push(second);
    this.prices.push(price);
    if (this.seconds.length < limit) return;
    let kept = 0;
    for (let i = 0; i < limit; i += 2) {
      this.seconds[kept] = this.seconds[i]!;
      this.prices[kept++] = this.prices[i]!;
    }
    this.seconds[kept] = second;
    this.prices[kept++] = price;
    this.seconds.length = this.prices.length = kept;
    this.spacing = Math.max(this.spacing, ((second - this.seconds[0]!) / limit) * 2);
  }
}

/**
 * The prices of each instrument since the page was opened, at most 256 points each: when a line is
 * full, every second point goes, so that it always reaches back to the start.
 */
export class Prices {
  private readonly lines = new Map<string, Line>();
  private readonly firsts = new Map<string, bigint>();

  /** Adds a price of now: the line is in the time of the page, whatever the market's clock does. */
  add(key: string, price: bigint) {
    let line = this.lines.get(key);
    if (!line) this.lines.set(key, (line = new Line()));
    if (!this.firsts.has(key)) this.firsts.set(key, price);
    line.add(Date.now() / 1e3, Number(price) / 1e4);
  }

  /** The first price that the page has seen; undefined before it has one. */
  first(key: string): bigint | undefined {
    return this.firsts.get(key);
  }

  of(key: string): { seconds: number[]; prices: number[] } | undefined {
    return this.lines.get(key);
  }

  clear() {
    this.lines.clear();
    this.firsts.clear();
  }
}
