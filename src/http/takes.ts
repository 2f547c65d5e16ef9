/** Lets a validator say what it validates, for the document. Nothing here runs for a request. */

import type * as z from "zod/mini";

export const TAKES = Symbol("takes");

export interface Taken {
  readonly target: "json" | "query";
  readonly schema: z.ZodMiniType;
}

/** The middleware, which also tells its schema. */
export function takes<M extends object>(middleware: M, target: Taken["target"], schema: z.ZodMiniType): M {
  return Object.assign(middleware, { [TAKES]: { target, schema } });
}
