/** For those who typed the address of a page that their token does not open. */

import { useSession } from "../session/session.tsx";
import { Empty } from "../ui/empty.tsx";

export function NotYours({ what }: { readonly what: string }) {
  const { holder } = useSession();
  return (
    <Empty isPage title={`Your token does not open ${what}`}>
      <p>It has the role {holder.role}. Sign in with a token that has the role owner or admin.</p>
    </Empty>
  );
}
