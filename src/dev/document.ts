/** The OpenAPI document, made from source in Node. */

/** As plain JSON. */
export async function makeDocument(): Promise<unknown> {
  // Not by a name that the compiler follows: the app is typed for Workers, and this folder for Node.
  const { href } = new URL("../openapi/made.ts", import.meta.url);
  const made = (await import(href)) as { makeDocument(): Promise<unknown> };
  return made.makeDocument();
}
