/** A proxy at the address in the documents: it passes every request on unchanged, and records the responses. */

import { request as ask } from "node:http";
import { type NodeServer, serve } from "../../support/node-server.ts";

export interface Exchange {
  /** `POST /acme/shop/tokens` */
  readonly request: string;
  readonly status: number;
  /** The response's content type. */
  readonly type: string;
  readonly body: string;
}

export interface Recorder extends NodeServer {
  /** Complete responses, in the order in which they ended. */
  readonly exchanges: readonly Exchange[];
}

/** `port`: the server's port on this machine. */
export async function startRecorder(port: number): Promise<Recorder> {
  const exchanges: Exchange[] = [];
  const server = await serve((request, response) => {
    const { method = "GET", url: path = "/" } = request;
    // Without compression, because the recorder reads the body.
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
        // Record the response before its reader sees the end. Otherwise a test could look too early.
        exchanges.push({ request: `${method} ${path}`, status, type, body: Buffer.concat(chunks).toString() });
        response.end();
      });
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  return { ...server, exchanges };
}
