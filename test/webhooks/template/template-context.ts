/** What templates reach in the tests of rendering. */

import type { TemplateContext } from "../../../src/webhooks/placeholder.ts";

/** A run without an entity that has these parameters. */
export function contextWith(parameters: TemplateContext["parameters"]): TemplateContext {
  return {
    run: {
      id: "019c0e5a-1800-8000-8000-000000000000",
      actionName: "deploy",
      triggeredBy: "ci",
      createdAt: "2026-01-31T12:00:00.000Z",
      callbackUrl: "https://runs.example/callback",
      callbackToken: "token",
      expiresAt: "2026-01-31T13:00:00.000Z",
      timeoutSeconds: 3600,
      traceparent: null,
    },
    parameters,
    recommendations: {},
    entity: { id: null },
  };
}
