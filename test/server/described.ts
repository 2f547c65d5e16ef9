/** Checks the real server's responses against the OpenAPI document, as the runtime's tests do. */

interface Conformance {
  expectDescribed(method: string, url: string, response: Response, text: string): void;
}

// Imported by URL, so that the compiler does not follow it: the document's sources have the types of Workers, and this
// folder those of Node.
const { expectDescribed } = (await import(new URL("../support/conformance.ts", import.meta.url).href)) as Conformance;

export { expectDescribed };
