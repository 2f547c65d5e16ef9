/** What Cloudflare runs: the app, the Durable Object, the sender of webhooks, the cron. */

import { createApp } from "./app.ts";
import { everyMinute } from "./cron.ts";
import type { Env } from "./settings/env.ts";

export { RunCoordinator } from "./runs/coordinator/coordinator.ts";
export { WebhookSender } from "./webhooks/send.ts";

export default {
  fetch: createApp().fetch,
  scheduled: (_controller, env) => everyMinute(env, Date.now()),
} satisfies ExportedHandler<Env>;
