/** What Cloudflare runs: the app, the Durable Object, the sender of webhooks, the cron. */

import { createApp } from "./app.ts";
import { purgeAudit } from "./auth/audit.ts";
import { retentionDays } from "./config.ts";
import type { Env } from "./env.ts";
import { sweep } from "./runs/sweep.ts";

export { WebhookSender } from "./dispatch/webhook.ts";
export { RunCoordinator } from "./runs/coordinator/coordinator.ts";

const app = createApp();

export default {
  fetch: app.fetch,
  async scheduled(_controller, env) {
    const now = Date.now();
    await Promise.all([sweep(env, now), purgeAudit(env.DB, retentionDays(env), now)]);
  },
} satisfies ExportedHandler<Env>;
