// A proxy between the page and its server: the browser reaches everything through it, so that a flow
// can cut a connection where it wants. The page, its origin and its policy stay as they are.
import { createServer, request, type Server as HTTPServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";

export class Proxy {
  readonly #server: HTTPServer;
  readonly #sockets = new Set<Socket>();
  /** The texts that the page has sent over WebSockets. */
  readonly sent: string[] = [];
  /** Called with each text of the page before it goes on; true cuts the connection right after it. */
  cutAfter: (text: string) => boolean = () => false;

  private constructor() {
    this.#server = createServer((from, to) => {
      const forward = request(from.url!, { method: from.method, headers: from.headers }, (answer) => {
        to.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(to);
      });
      forward.on("error", () => to.destroy());
      from.pipe(forward);
    });
    this.#server.on("connect", (from, socket: Socket, head) => this.#tunnel(from.url!, socket, head));
  }

  static async start(): Promise<Proxy> {
    const proxy = new Proxy();
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #tunnel(target: string, page: Socket, head: Buffer): void {
    const [host, port] = target.split(":");
    const server = connect(Number(port), host!, () => {
      page.write("HTTP/1.1 200 OK\r\n\r\n");
      server.write(head);
    });
    const reader = new FrameReader();
    // Replies go back with a delay that a person does not notice, so that a cut comes before them.
    server.on("data", (bytes) => setTimeout(() => page.writable && page.write(bytes), 20));
    page.on("data", (bytes: Buffer) => {
      const cut = reader.read(bytes).filter((text) => (this.sent.push(text), this.cutAfter(text))).length > 0;
      server.write(bytes);
      if (cut) {
        page.destroy();
        setTimeout(() => server.end(), 100); // the server has read the request by then
      }
    });
    for (const [one, other] of [
      [page, server],
      [server, page],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        if (one === server) other.destroy();
        else if (!other.writableEnded) setTimeout(() => other.destroy(), 200);
      });
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Reads the masked text frames of a WebSocket client. */
class FrameReader {
  #bytes = Buffer.alloc(0);
  #open = false;

  read(bytes: Buffer): string[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (!this.#open) {
      const end = this.#bytes.indexOf("\r\n\r\n");
      if (end < 0) return [];
      this.#bytes = this.#bytes.subarray(end + 4);
      this.#open = true;
    }
    const texts: string[] = [];
    for (;;) {
      const b = this.#bytes;
      if (b.length < 2) return texts;
      const short = b[1]! & 127;
      const at = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (b.length < at + 4) return texts;
      const length = short === 126 ? b.readUInt16BE(2) : short === 127 ? Number(b.readBigUInt64BE(2)) : short;
      if (b.length < at + 4 + length) return texts;
      const mask = b.subarray(at, at + 4);
      const body = Buffer.from(b.subarray(at + 4, at + 4 + length)).map((byte, i) => byte ^ mask[i % 4]!);
      if ((b[0]! & 15) === 1) texts.push(Buffer.from(body).toString("utf8"));
      this.#bytes = b.subarray(at + 4 + length);
    }
  }
}
