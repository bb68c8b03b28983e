/** Listeners by the name of their event. */
export class Emitter<Events> {
  readonly #listeners: { [K in keyof Events]?: Set<(event: Events[K]) => void> } = {};

  /** Calls listener at each event, until the function that it returns is called. */
  on<K extends keyof Events>(name: K, listener: (event: Events[K]) => void): () => void {
    const set = (this.#listeners[name] ??= new Set());
    set.add(listener);
    return () => set.delete(listener);
  }

  /** A listener that throws disturbs neither the others nor the caller: the error is reported. */
  protected emit<K extends keyof Events>(name: K, event: Events[K]): void {
    for (const listener of [...(this.#listeners[name] ?? [])]) {
      try {
        listener(event);
      } catch (err) {
        queueMicrotask(() => {
          throw err;
        });
      }
    }
  }
}
