/** Answers of the real server, held against the document like those in the runtime. */

interface Conformance {
  expectDescribed(method: string, url: string, response: Response, text: string): void;
}

// Not by a name that the compiler follows: the document's sources are typed for Workers, and this folder for Node.
const { expectDescribed } = (await import(
  new URL("../support/conformance.ts", import.meta.url).href
)) as Conformance;

export { expectDescribed };
