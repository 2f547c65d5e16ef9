/** What Cloudflare runs: the app, the Durable Object, the senders of webhooks and messages, what starts runs, the archive, the cron. */

import { createApp } from "./app.ts";
import { everyMinute } from "./cron.ts";
import type { Env } from "./settings/env.ts";

export { AutomaticRetries, BulkOperations, ScheduledStarts } from "./runs/api/coordinator-calls.ts";
export { RunArchive } from "./runs/api/run-archive.ts";
export { RunCoordinator } from "./runs/coordinator/coordinator.ts";
export { DeliverySender, WebhookEndpoints } from "./webhook-endpoints/entrypoints.ts";
export { WebhookSender } from "./webhooks/sender.ts";

export default {
  fetch: createApp().fetch,
  scheduled: (_controller, env) => everyMinute(env, Date.now()),
} satisfies ExportedHandler<Env>;
