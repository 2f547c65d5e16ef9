/** Why runs are cancelled, and how long a job may still work. */

import { TextField } from "../ui/field.tsx";
import type { Problems } from "../ui/use-change.ts";
import type { TypedCancel } from "./forms.ts";

/** The pointers of the fields in the body. */
export const CANCEL_FIELDS = ["/reason", "/graceSeconds"];

interface CancelFieldsProps {
  readonly typed: TypedCancel;
  readonly onType: (typed: TypedCancel) => void;
  readonly problems: Problems;
}

export function CancelFields({ typed, onType, problems }: CancelFieldsProps) {
  return (
    <>
      <TextField
        label="Reason"
        value={typed.reason}
        onText={(reason) => onType({ ...typed, reason })}
        hint="Optional. The job and everybody who can see the run can read it."
        error={problems.get("/reason")}
      />
      <TextField
        label="Grace (seconds)"
        inputMode="numeric"
        placeholder="60"
        value={typed.grace}
        onText={(grace) => onType({ ...typed, grace })}
        hint="How long a running job may still work. 0 ends the run at once."
        error={problems.get("/graceSeconds")}
      />
    </>
  );
}
