/** Sends a request again until it gets an expected response, because a disturbance may cost any number of them. */

import { setTimeout as delay } from "node:timers/promises";
import { describe } from "./line.ts";
import { type Answer, type Ask, ask } from "./requests.ts";
import type { Stage } from "./stage.ts";

const RETRY_MS = 300;

/** A request of the operator, or of `token`. */
export type Insisted = Omit<Ask, "token"> & { readonly token?: string };

/** A 503 is never a violation. Every other unexpected response is one. */
export async function insist(
  { site, record }: Pick<Stage, "site" | "record">,
  expected: readonly number[],
  story: string[],
  asked: Insisted,
): Promise<Answer> {
  for (;;) {
    await site.up;
    const sentAt = Date.now();
    const answer = await ask({ token: site.rootToken, ...asked });
    const told = answer === null ? "no answer" : describe(answer);
    record.tell(story, `${record.clock(sentAt)} ${asked.method} ${new URL(asked.url).pathname} -> ${told}`);
    if (answer !== null && expected.includes(answer.status)) return answer;
    if (answer !== null && answer.status !== 503)
      record.violation(`answered with ${told}: ${JSON.stringify(answer.body)}`, story, sentAt);
    await delay(RETRY_MS);
  }
}
