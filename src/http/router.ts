/**
 * Finds the handlers of a request. Hono's fastest router can't hold a fixed path beside a pattern of the same depth, such
 * as `/healthz` beside `/:o`, and Hono would use a slower router for all requests. So fixed paths have a router of their
 * own, and win over patterns.
 */

import type { Result, Router } from "hono/router";
import { RegExpRouter } from "hono/router/reg-exp-router";

export class FixedAndPatternRouter<T> implements Router<T> {
  readonly name = "FixedAndPatternRouter";
  readonly #fixed = new RegExpRouter<T>();
  readonly #patterns = new RegExpRouter<T>();
  readonly #fixedPaths = new Set<string>();

  add(method: string, path: string, handler: T): void {
    const isForAll = path === "*" || path === "/*";
    const isPattern = path.includes("/:");
    if (isForAll || isPattern) this.#patterns.add(method, path, handler);
    if (isForAll || !isPattern) this.#fixed.add(method, path, handler);
    if (!isForAll && !isPattern) this.#fixedPaths.add(path);
  }

  match(method: string, path: string): Result<T> {
    return (this.#fixedPaths.has(path) ? this.#fixed : this.#patterns).match(method, path);
  }
}
