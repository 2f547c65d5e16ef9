/** Checks the real server's responses against the OpenAPI document, as the runtime's tests do. */

interface Conformance {
  expectDescribed(method: string, url: string, response: Response, text: string): void;
}

// Otherwise the routes would have no descriptions (src/http/operation.ts).
Object.assign(globalThis, { DESCRIBE: true });
// Imported by URL, so that the compiler does not follow it: the document's sources have the types of Workers, and this
// folder those of Node.
const { expectDescribed } = (await import(new URL("../support/conformance.ts", import.meta.url).href)) as Conformance;

export { expectDescribed };
