/** Sends a stored endpoint one message about a made-up run, and shows what the receiver answered. */

import { useState } from "preact/hooks";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { useChange } from "../ui/use-change.ts";
import { type Tested, TestResult } from "./test-result.tsx";

interface TestDialogProps {
  readonly name: string;
  readonly onClose: () => void;
}

export function TestDialog({ name, onClose }: TestDialogProps) {
  const { reader } = useSession();
  const [tested, setTested] = useState<Tested | null>(null);
  const change = useChange({ afterLoss: "The receiver may have got this message. Another try sends a second one." });
  const test = () =>
    change.submit({ send: ({ signal }) => reader.webhookEndpoints.test(name, {}, { signal }), done: setTested });
  return (
    <Dialog title={`Test ${name}`} onClose={onClose}>
      <ChangeForm
        change={change}
        onSubmit={test}
        onClose={onClose}
        verb="Send test"
        keep="Close"
        besides={tested === null ? null : <TestResult result={tested} />}
      >
        <p>The receiver gets one message about a made-up run. It counts for nothing.</p>
      </ChangeForm>
    </Dialog>
  );
}
