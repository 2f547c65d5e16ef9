/** Picks the days of a list from a calendar: a button and its dialog. What is picked becomes chips, as if it was typed. */
import { useState } from "preact/hooks";
import { LOCAL, sinceInstant, untilInstant } from "../../words/since.ts";
import { Dialog, DialogButtons, TextField } from "../ui/forms.tsx";
import { Button, Icon } from "../ui/parts.tsx";
import { useZone } from "../ui/time.tsx";
import type { Chip } from "./filters.ts";

interface DateRangeProps {
  readonly onPick: (chips: readonly Chip[]) => void;
}

export function DateRange({ onPick }: DateRangeProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button aria-label="Pick days" title="Pick days" onClick={() => setOpen(true)}>
        <Icon name="calendar" />
      </Button>
      {isOpen ? <DateDialog onPick={onPick} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

interface DateDialogProps extends DateRangeProps {
  readonly onClose: () => void;
}

function DateDialog({ onPick, onClose }: DateDialogProps) {
  const { zone } = useZone();
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  function pick() {
    const chips = chipsOfDays(from, to, zone);
    if (typeof chips === "string") return setProblem(chips);
    onPick(chips);
    onClose();
  }
  return (
    <Dialog title="Runs of these days" onClose={onClose}>
      <form
        class="stack gap-14"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          pick();
        }}
      >
        <div class="grid">
          <TextField label="From" type="date" value={from} onText={setFrom} error={problem} />
          <TextField label="To, included" type="date" value={to} onText={setTo} />
        </div>
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit">
            Show runs
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

/** `from`, `to`: dates, or empty for no bound. The chips, or what is wrong. PURE, apart from the time zone. */
export function chipsOfDays(from: string, to: string, zone = LOCAL, now = new Date()): readonly Chip[] | string {
  const [first, end] = [sinceInstant(from, now, zone), untilInstant(to, now, zone)];
  if ((from !== "" && first === null) || (to !== "" && end === null)) return "Pick a day of the calendar.";
  if (first === null && end === null) return "Pick at least one day.";
  if (first !== null && end !== null && end <= first) return "The first day is after the last one. Swap them.";
  return [
    ...(first === null ? [] : [{ name: "createdAfter", value: first.toISOString() } as const]),
    ...(end === null ? [] : [{ name: "createdBefore", value: end.toISOString() } as const]),
  ];
}
