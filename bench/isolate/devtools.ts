/** The inspector of an isolate. */

import { once } from "node:events";

/** Calls the inspector of one isolate, by the Chrome DevTools Protocol. Throws if the inspector hangs up. */
export type Devtools = (method: string, params?: object) => Promise<unknown>;

export async function withDevtools<T>(url: URL, work: (devtools: Devtools) => Promise<T>): Promise<T> {
  const socket = new WebSocket(url.href);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error(`no inspector at ${url}`)));
  });
  const closed = once(socket, "close");
  const hungUp = closed.then(() => {
    throw new Error(`the inspector at ${url} hung up`);
  });
  let last = 0;
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  const worked = work((method, params = {}) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    waiting.set(++last, resolve);
    socket.send(JSON.stringify({ id: last, method, params }));
    return promise;
  });
  try {
    return await Promise.race([worked, hungUp]);
  } finally {
    socket.close();
    // An isolate has one such connection at a time, and the next one may follow at once.
    await closed;
  }
}
