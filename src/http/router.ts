/**
 * Finds the handlers of a request. Hono's fastest router can't hold a fixed segment beside a parameter in the same place, such
 * as `/healthz` beside `/:o`, and Hono would use a slower router for all requests. So fixed paths and folders, such as
 * `/console/-/*`, have a router of their own, and win over patterns. Patterns with a fixed end, such as
 * `…/action-runs/summary` beside `…/action-runs/:id`, have one too, and win over the other patterns.
 */

import type { Result, Router } from "hono/router";
import { RegExpRouter } from "hono/router/reg-exp-router";

/** The last two segments of a pattern, if both are fixed. */
const FIXED_END = /\/[^/:*]+\/[^/:*]+$/;

export class FixedAndPatternRouter<T> implements Router<T> {
  readonly name = "FixedAndPatternRouter";
  readonly #fixed = new RegExpRouter<T>();
  readonly #fixedEnds = new RegExpRouter<T>();
  readonly #patterns = new RegExpRouter<T>();
  readonly #fixedPaths = new Set<string>();
  readonly #folders = new Set<string>();
  readonly #ends = new Set<string>();

  add(method: string, path: string, handler: T): void {
    const isForAll = path === "*" || path === "/*";
    const isPattern = path.includes("/:");
    const [end] = isPattern ? (FIXED_END.exec(path) ?? []) : [];
    if (isForAll || (isPattern && end === undefined)) this.#patterns.add(method, path, handler);
    if (isForAll || end !== undefined) this.#fixedEnds.add(method, path, handler);
    if (isForAll || !isPattern) this.#fixed.add(method, path, handler);
    if (!isForAll && !isPattern) {
      if (path.endsWith("/*")) this.#folders.add(path.slice(0, -1));
      else this.#fixedPaths.add(path);
    }
    if (end !== undefined) this.#ends.add(end);
  }

  match(method: string, path: string): Result<T> {
    if (this.#fixedPaths.has(path)) return this.#fixed.match(method, path);
    for (const folder of this.#folders) if (path.startsWith(folder)) return this.#fixed.match(method, path);
    for (const end of this.#ends) if (path.endsWith(end)) return this.#fixedEnds.match(method, path);
    return this.#patterns.match(method, path);
  }
}
