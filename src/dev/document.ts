/** Makes the OpenAPI document from the source, in Node. `npm run -s openapi` prints it. */

export async function documentFromSource(): Promise<unknown> {
  // By URL, because the compiler must not follow it: the app has the types of Workers, and this folder those of Node.
  const { href } = new URL("../openapi/document.ts", import.meta.url);
  // Routes have a description only if this is set before they are imported (src/http/operation.ts).
  Object.assign(globalThis, { DESCRIBE: true });
  const { makeDocument } = (await import(href)) as { makeDocument(): Promise<unknown> };
  return makeDocument();
}

if (import.meta.main) console.log(JSON.stringify(await documentFromSource(), null, 2));
