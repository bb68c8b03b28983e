// The console's own HTTP endpoints, on the origin of the page.

export class HTTPError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Gets JSON; with a body, posts it. Rejects with an HTTPError; its status is 0 without an answer. */
export async function api<T>(path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store',
      credentials: 'same-origin',
    });
  } catch {
    throw new HTTPError(0, 'The server does not answer.');
  }
  const text = await answer.text();
  if (answer.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
  let message = `The server answers ${answer.status} ${answer.statusText}.`;
  try {
    message = (JSON.parse(text) as { error?: string }).error ?? message;
  } catch {
    // Not from holdfast, such as a proxy's page: the status says it.
  }
  throw new HTTPError(answer.status, message);
}
