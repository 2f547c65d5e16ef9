/** HTTP servers that answer as a test says: like the service, like a proxy, or not at all. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { serve } from "../support/node-server.ts";

export { RUN } from "../support/api/api-objects.ts";

export interface BadServer {
  readonly url: string;
  /** Method and path of each request, oldest first. */
  readonly requests: readonly {
    readonly line: string;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
  }[];
  close(): Promise<void>;
}

/** A server that answers with `answer`. If `answer` does nothing, the request hangs. */
export async function badServer(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<BadServer> {
  const requests: { line: string; headers: IncomingMessage["headers"]; body: string }[] = [];
  const server = await serve(async (request, response) => {
    const body = await text(request);
    requests.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
    answer(request, response, requests.length);
  });
  return { ...server, requests };
}

export function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

export function html(response: ServerResponse, status: number): void {
  response.writeHead(status, { "Content-Type": "text/html" });
  response.end("<html><title>Bad gateway</title><h1>It works!</h1></html>");
}
