/** The server's front door as documents know it: passes every request on as it is, and remembers what was answered. */

import { once } from "node:events";
import { request as ask, createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Exchange {
  /** `POST /acme/shop/tokens` */
  readonly request: string;
  readonly status: number;
  /** Its content type. */
  readonly type: string;
  readonly body: string;
}

export interface Recorder {
  readonly url: string;
  /** Whole answers only, in the order in which they ended. */
  readonly exchanges: readonly Exchange[];
  close(): Promise<void>;
}

/** `port`: the server's, on this machine. */
export async function startRecorder(port: number): Promise<Recorder> {
  const exchanges: Exchange[] = [];
  const server = createServer((request, response) => {
    const { method = "GET", url: path = "/" } = request;
    // Uncompressed, to be read along.
    const headers = { ...request.headers, "accept-encoding": "identity" };
    const onward = ask({ host: "localhost", port, method, path, headers }, (answer) => {
      const { statusCode: status = 0 } = answer;
      const { "content-type": type = "" } = answer.headers;
      const chunks: Buffer[] = [];
      response.writeHead(status, answer.headers);
      response.flushHeaders();
      answer.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        response.write(chunk);
      });
      answer.on("end", () => {
        // Remembered before its reader can know of the end, or a test might look too early.
        exchanges.push({
          request: `${method} ${path}`,
          status,
          type,
          body: Buffer.concat(chunks).toString(),
        });
        response.end();
      });
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    exchanges,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
