/** The log of a deploy, as wrangler reads its settings. Only Cloudflare itself could show that it obeys them. */

import { expect, it } from "vitest";
import { unstable_readConfig } from "wrangler";
import { CONFIG } from "../../src/dev/wrangler.ts";

it("a deploy logs neither requests with their queries nor the URLs of receivers, but only what the service writes", () => {
  const { observability } = unstable_readConfig({ config: CONFIG });
  expect(observability).toEqual({
    enabled: true,
    redact_query_string: true,
    logs: { enabled: true, invocation_logs: false },
    traces: { enabled: false },
  });
});
