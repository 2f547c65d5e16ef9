/** The inspector of an isolate. */

/** Asks the inspector of one isolate, after the Chrome DevTools Protocol. */
export interface Devtools {
  (method: string, params?: object): Promise<unknown>;
  close(): void;
}

export async function connect(url: URL): Promise<Devtools> {
  const socket = new WebSocket(url.href);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error(`no inspector at ${url}`)));
  });
  let last = 0;
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  const send = (method: string, params: object = {}) =>
    new Promise<unknown>((resolve) => {
      waiting.set(++last, resolve);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  return Object.assign(send, { close: () => socket.close() });
}
