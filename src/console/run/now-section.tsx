/** What an open run does now: the progress of its job, and a request to stop. */

import type { DetailedActionRun, TimelineEvent } from "../../client/index.ts";
import { Icon } from "../ui/icons.tsx";
import { Countdown, RelativeTime } from "../ui/time.tsx";
import { newsOf } from "./news.ts";
import { percent } from "./timeline-list.tsx";

interface NowSectionProps {
  readonly run: DetailedActionRun;
  readonly events: readonly TimelineEvent[];
}

export function NowSection({ run, events }: NowSectionProps) {
  const news = newsOf(run.details?.heartbeat ?? null, events);
  const cancel = run.details?.cancel ?? null;
  if (news === null && cancel === null) return null;
  return (
    <div class="now">
      {news === null ? null : (
        <div class="progress">
          {news.progress === null ? null : (
            <progress aria-label="Progress" value={news.progress} max={1}>
              {percent(news.progress)}
            </progress>
          )}
          <p>
            {news.progress === null ? null : <strong class="number">{percent(news.progress)}</strong>}
            {news.message === null ? null : <bdi class="progress-message">{news.message}</bdi>}
            <span class="progress-at muted">
              Last heartbeat <RelativeTime at={news.at} />
            </span>
          </p>
        </div>
      )}
      {cancel === null ? null : (
        <div class="callout is-cancelled">
          <Icon name="warning" />
          <div>
            <p>
              Asked to stop
              {cancel.by === null ? null : (
                <>
                  {" by "}
                  <bdi>{cancel.by}</bdi>
                </>
              )}
              . The run ends <Countdown until={cancel.until} /> at the latest.
            </p>
            {cancel.reason === null ? null : (
              <p class="muted">
                <bdi>{cancel.reason}</bdi>
              </p>
            )}
          </div>
        </div>
      )}
    </div>
  );
}
