/**
 * The Worker under test: the real one, with a D1 binding that can be made to fail. Faults are at the platform's
 * edge; none of our own modules is replaced.
 */

import { createApp } from "../../src/app.ts";
import { everyMinute } from "../../src/cron.ts";
import {
  AutomaticRetries as RealAutomaticRetries,
  BulkOperations as RealBulkOperations,
  ScheduledStarts as RealScheduledStarts,
} from "../../src/runs/api/coordinator-calls.ts";
import { RunArchive as RealArchive } from "../../src/runs/api/run-archive.ts";
import { RunCoordinator as RealCoordinator } from "../../src/runs/coordinator/coordinator.ts";
import type { Env } from "../../src/settings/env.ts";
import {
  WebhookEndpoints as RealEndpoints,
  DeliverySender as RealSender,
} from "../../src/webhook-endpoints/entrypoints.ts";
import { WebhookSender as RealWebhookSender } from "../../src/webhooks/sender.ts";

import { faulty } from "./faults.ts";
import { MORE_DATABASES, withSettings } from "./settings.ts";

function underTest(env: Env): Env {
  const set = withSettings(env);
  const more = MORE_DATABASES.flatMap((name, i) => {
    const db = set[name];
    return db === undefined ? [] : [[name, faulty(db, i + 1)]];
  });
  return { ...set, DB: faulty(env.DB, 0), ...Object.fromEntries(more) };
}

export class RunCoordinator extends RealCoordinator {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, underTest(env));
  }
}

export class AutomaticRetries extends RealAutomaticRetries {
  constructor(ctx: ExecutionContext, env: Env) {
    super(ctx, underTest(env));
  }
}

export class WebhookSender extends RealWebhookSender {
  constructor(ctx: ExecutionContext, env: Env) {
    super(ctx, underTest(env));
  }
}

export class WebhookEndpoints extends RealEndpoints {
  constructor(ctx: ExecutionContext, env: Env) {
    super(ctx, underTest(env));
  }
}

export class DeliverySender extends RealSender {
  constructor(ctx: ExecutionContext, env: Env) {
    super(ctx, underTest(env));
  }
}

export class BulkOperations extends RealBulkOperations {
  constructor(ctx: ExecutionContext, env: Env) {
    super(ctx, underTest(env));
  }
}

export class ScheduledStarts extends RealScheduledStarts {
  constructor(ctx: ExecutionContext, env: Env) {
    super(ctx, underTest(env));
  }
}

export class RunArchive extends RealArchive {
  constructor(ctx: ExecutionContext, env: Env) {
    super(ctx, underTest(env));
  }
}

const app = createApp();

export default {
  fetch: (request: Request, env: Env, ctx: ExecutionContext) => app.fetch(request, underTest(env), ctx),
  scheduled: (_controller, env) => everyMinute(underTest(env), Date.now()),
} satisfies ExportedHandler<Env>;
