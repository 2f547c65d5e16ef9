/** What Cloudflare runs: the app, the Durable Object, the senders of webhooks and messages, the archive, the cron. */

import { createApp } from "./app.ts";
import { everyMinute } from "./cron.ts";
import type { Env } from "./settings/env.ts";

export { RunArchive } from "./runs/api/archive/entrypoint.ts";
export { BulkOperations } from "./runs/api/bulk/entrypoint.ts";
export { RunCoordinator } from "./runs/coordinator/coordinator.ts";
export { WebhookEndpoints } from "./webhook-endpoints/entrypoint.ts";
export { DeliverySender } from "./webhook-endpoints/message-sender.ts";
export { WebhookSender } from "./webhooks/send.ts";

export default {
  fetch: createApp().fetch,
  scheduled: (_controller, env) => everyMinute(env, Date.now()),
} satisfies ExportedHandler<Env>;
