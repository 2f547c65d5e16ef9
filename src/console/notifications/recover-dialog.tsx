/** Sends messages again that a time without a receiver cost. The page shows how far it is. */

import { useState } from "preact/hooks";
import type { NewEndpointRecovery } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useChange } from "../ui/use-change.ts";
import { localMinute } from "./local-minute.ts";

type Include = NewEndpointRecovery["include"];

const DAY_MS = 24 * 3_600_000;
const INCLUDED: Readonly<Record<Include, string>> = {
  failed: "that the service gave up",
  missing: "that the endpoint never heard of",
};

interface RecoverDialogProps {
  readonly name: string;
  readonly onClose: () => void;
  readonly onBegun: () => void;
}

export function RecoverDialog({ name, onClose, onBegun }: RecoverDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const [include, setInclude] = useState<Include>("failed");
  const [since, setSince] = useState(() => localMinute(new Date(Date.now() - DAY_MS)));
  const change = useChange({
    fields: ["/since", "/include"],
    afterLoss: "The recovery may have begun. The same one again only goes on.",
  });
  const { problems } = change;
  function recover() {
    const at = new Date(since);
    if (Number.isNaN(at.getTime())) {
      return change.refuse(new Map([["/since", "Choose a day and a time."]]));
    }
    change.submit({
      send: ({ signal }) => client.webhookEndpoints.recover(name, { since: at.toISOString(), include }, { signal }),
      done() {
        note("The recovery has begun. Its messages are among the deliveries.");
        onBegun();
        onClose();
      },
    });
  }
  return (
    <Dialog title={`Recover messages of ${name}`} onClose={onClose}>
      <ChangeForm change={change} onSubmit={recover} onClose={onClose} verb="Recover">
        <SelectField
          label="Messages"
          hint="Those that it never heard of go back 7 days at most."
          value={include}
          error={problems.get("/include")}
          onText={(text) => setInclude(text as Include)}
        >
          {Object.entries(INCLUDED).map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </SelectField>
        <TextField
          label="Of runs that ended since"
          type="datetime-local"
          hint="At most 10 000 messages, newest first. A run that waits for approval counts by its creation."
          value={since}
          error={problems.get("/since")}
          onText={setSince}
        />
      </ChangeForm>
    </Dialog>
  );
}
