/** Whether the archive's bucket answers. Asked by the cron, because a readiness check must not cost an operation each. */

import { logFailure } from "../../../base/log.ts";
import { within } from "../../../base/time.ts";
import type { Env } from "../../../settings/env.ts";

const ANSWER_MAX_MS = 5000;
/** No object has this key, because each key goes on behind it. */
const NO_OBJECT = "v1/";

/** Null if no bucket is bound. Never throws. */
export async function archiveStatus({ ARCHIVE }: Pick<Env, "ARCHIVE">): Promise<"ready" | "not_answering" | null> {
  if (ARCHIVE === undefined) return null;
  try {
    await within(ANSWER_MAX_MS, ARCHIVE.head(NO_OBJECT));
    return "ready";
  } catch (error) {
    logFailure("archive_not_answering", error, {});
    return "not_answering";
  }
}
