/** An instant as a clock shows it, in the zone of this machine, with the day unless it is today. */

import { exactTime } from "../ui/time.tsx";

const TIME = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

export function ClockTime({ at }: { readonly at: string }) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return (
    <time dateTime={at} title={exactTime(at)}>
      {isToday ? TIME.format(date) : `${DAY.format(date)} ${TIME.format(date)}`}
    </time>
  );
}
