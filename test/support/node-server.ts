/** A real HTTP server for tests in Node. What it answers is the test's. */

import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface NodeServer {
  /** Origin, without a slash at the end. */
  readonly url: string;
  /** Ends every connection, so that no hanging answer keeps the process alive. */
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1. */
export function serve(answer: RequestListener): Promise<NodeServer> {
  return listening(createServer(answer));
}

/** Like `serve`, for a server that the test has made. */
export async function listening(server: Server): Promise<NodeServer> {
  // A connection that is closed because it was idle could break a request that nobody wanted to break.
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
