/** The ActionRun of the reference. The client's type, which comes from the OpenAPI document, must be the same. */

import type { Schemas } from "../../src/client/index.ts";

interface Reference {
  id: string;
  actionName: string;
  entityId: string | null;
  status: "pending" | "running" | "succeeded" | "failed" | "cancelled";
  parameters: { [key: string]: unknown };
  recommendations: { [key: string]: unknown };
  triggeredBy: string;
  createdAt: string;
  startedAt: string | null;
  completedAt: string | null;
  error: string | null;
  output: { [key: string]: unknown } | null;
}

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

export const isTheReferences: Same<Schemas["ActionRun"], Reference> = true;
