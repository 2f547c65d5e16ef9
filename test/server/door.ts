/**
 * A port in front of a receiver or the service, which a test opens and closes, so that what is behind it is down for a
 * while.
 */

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { freePort } from "../../src/dev/server.ts";

export interface Door {
  readonly url: string;
  open(): Promise<void>;
  /** From now on, connections are refused, and those that are open break off. */
  close(): Promise<void>;
}

/** A closed door. Open, it forwards connections to `origin`. */
export async function newDoor(origin: string): Promise<Door> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const to = connect(Number(new URL(origin).port), "127.0.0.1");
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    from.pipe(to).pipe(from);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    open: async () => {
      await once(server.listen(port, "127.0.0.1"), "listening");
    },
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
