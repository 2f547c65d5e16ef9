/** Says on every page for whom the page acts, if the session's token may act for others. A dialog takes the person. */

import { useState } from "preact/hooks";
import { checkedPerson } from "../../client/settings.ts";
import { Button } from "../ui/button.tsx";
import { ChangeDialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { useChange } from "../ui/use-change.ts";

import { useSession } from "./session.tsx";

export function ActingBanner() {
  const { holder, person } = useSession();
  const [isOpen, setOpen] = useState(false);
  if (!holder.mayActForOthers) return null;
  return (
    <section class="banner row gap-12" aria-label="Person">
      <p>
        {person === null ? (
          "You act for nobody in particular. A change of a run with gates needs a person."
        ) : (
          <>
            You act on behalf of <bdi class="break">{person}</bdi>.
          </>
        )}
      </p>
      <Button onClick={() => setOpen(true)}>On behalf of …</Button>
      {isOpen ? <PersonDialog onClose={() => setOpen(false)} /> : null}
    </section>
  );
}

const PERSON = "person";

function PersonDialog({ onClose }: { readonly onClose: () => void }) {
  const { holder, person, actFor } = useSession();
  const [text, setText] = useState(person ?? "");
  const change = useChange();
  function choose() {
    const named = text.trim();
    try {
      actFor(named === "" ? null : checkedPerson(named));
      onClose();
    } catch {
      change.refuse(new Map([[PERSON, "Use 1 to 255 visible ASCII characters without spaces."]]));
    }
  }
  return (
    <ChangeDialog title="On behalf of" change={change} onSubmit={choose} onClose={onClose} verb="Use" isLocal>
      <p>
        Each change that you make on this page then names this person. A person grants nothing: what you may do is what
        your token may do.
      </p>
      <TextField
        label="Person"
        hint={`For example an e-mail address. Empty: ${holder.person ?? "nobody in particular"}. If you load the page again, you must name the person again.`}
        value={text}
        error={change.problems.get(PERSON)}
        onText={setText}
      />
    </ChangeDialog>
  );
}
