/**
 * The package of this name, loaded only for a text that needs it. The package compiles a list of all emoji, which is a
 * fifth of a start. bundle.ts puts this file in its place.
 */

import { createRequire } from "node:module";

const load = createRequire(import.meta.url);

export default function stringWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  return (load("string-width") as typeof import("string-width")).default(text);
}
