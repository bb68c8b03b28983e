/**
 * Rows that come in pages, while numbered pushes go on to change them. A page includes the pushes up
 * to its sequence, and they may come after it.
 */
export class Rows<K, V> {
  readonly map = new Map<K, V>();
  /** The newest push or page that a row is from, also of a row that was removed. */
  readonly #asOf = new Map<K, bigint>();
  #loading = false;
  #first = -1n;
  #last = -1n;

  /** Begins with the first page. */
  start(): void {
    this.#asOf.clear();
    this.#loading = true;
    this.#first = this.#last = -1n;
  }

  page(rows: readonly V[], sequence: bigint, keyOf: (row: V) => K): void {
    if (this.#first < 0n) {
      this.#first = sequence;
    }
    this.#last = sequence;
    for (const row of rows) {
      const key = keyOf(row);
      if (sequence >= this.#versionOf(key)) {
        this.#asOf.set(key, sequence);
        this.map.set(key, row);
      }
    }
  }

  /** Ends after the last page: rows that no page had, and no push since then, are gone. */
  end(): void {
    this.trim(this.#first);
    this.#loading = false;
  }

  /** Removes the rows that are from before a push. */
  trim(sequence: bigint): void {
    for (const key of this.map.keys()) {
      if (this.#versionOf(key) < sequence) {
        this.map.delete(key);
      }
    }
  }

  /** Applies a push that replaces a row, or removes it, unless the present one is of a page that includes the push. */
  update(sequence: bigint, key: K, row: V | undefined): void {
    if (sequence <= this.#versionOf(key)) {
      return;
    }
    if (this.#loading || sequence <= this.#last) {
      this.#asOf.set(key, sequence);
    } else {
      this.#asOf.clear();
    }
    if (row === undefined) {
      this.map.delete(key);
    } else {
      this.map.set(key, row);
    }
  }

  #versionOf(key: K): bigint {
    return this.#asOf.get(key) ?? -1n;
  }
}
