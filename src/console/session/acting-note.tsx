/** Names the person in each dialog that changes something, so that nobody acts in another's name unseen. */

import { useSession } from "./session.tsx";

export function ActingNote() {
  const { holder, person } = useSession();
  if (!holder.mayActForOthers || person === null) return null;
  return (
    <p class="muted">
      You act on behalf of <bdi class="break">{person}</bdi>.
    </p>
  );
}
