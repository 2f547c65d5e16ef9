/** What a run waits for, in a few words. The time until its start ticks. */

import { useNow } from "../ui/clock.tsx";
import { ageStepMs } from "../ui/durations.ts";
import { exactTime } from "../ui/time.tsx";
import { type Waiting, waitingText } from "./waiting.ts";

export function WaitingText({ waiting }: { readonly waiting: Waiting }) {
  const { for: gate, notBefore } = waiting;
  const at = gate === "time" ? notBefore : null;
  const now = useNow(at === null ? null : ageStepMs(Date.parse(at) - Date.now()));
  return <bdi title={at === null ? undefined : exactTime(at)}>{waitingText(waiting, now)}</bdi>;
}
