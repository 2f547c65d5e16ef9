/** When a token or a session was last used, which the service knows to the hour. */

import { useNow } from "../ui/clock.tsx";
import { exactTime, RelativeTime } from "../ui/time.tsx";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** `at`: the beginning of the hour. */
export function LastUse({ at }: { readonly at: string | null }) {
  const now = useNow(MINUTE_MS);
  if (at === null) return <span class="muted">never</span>;
  if (now - Date.parse(at) >= HOUR_MS) return <RelativeTime at={at} />;
  return (
    <time dateTime={at} title={`After ${exactTime(at)}`}>
      this hour
    </time>
  );
}
