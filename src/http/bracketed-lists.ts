/**
 * Lists in a query as some HTTP clients write them: `status[]=failed` or `status[0]=failed`. The service takes
 * `status=failed`, so the refusal says how to send it.
 */

import * as z from "zod/mini";
import type { MemberFault } from "./refusal.ts";

const BRACKETED = /^([^[]+)\[\d*\]$/;

/** The same faults, with one more for each parameter of the schema that was sent with brackets. */
export function withBracketedLists(faults: readonly MemberFault[], schema: z.ZodMiniType) {
  const shape = schema instanceof z.ZodMiniObject ? schema.shape : {};
  return faults.flatMap((fault): readonly MemberFault[] => {
    const { keys = [] } = fault;
    const nameOf = (key: string) => {
      const name = BRACKETED.exec(key)?.[1] ?? "";
      return Object.hasOwn(shape, name) ? name : null;
    };
    const byName = Map.groupBy(keys, nameOf);
    const told = [...byName].flatMap(([name, [key = ""]]) =>
      name === null ? [] : [{ path: [key], message: `${verbOf(shape[name])} ${name}= without brackets.` }],
    );
    return told.length === byName.size && keys.length > 0 ? told : [...told, fault];
  });
}

function verbOf(parameter: unknown): "repeat" | "send" {
  const schema = parameter instanceof z.ZodMiniOptional ? parameter.def.innerType : parameter;
  const { wire } = (z.globalRegistry.get(schema as z.ZodMiniType) ?? {}) as {
    readonly wire?: { readonly type?: string };
  };
  return wire?.type === "array" ? "repeat" : "send";
}
