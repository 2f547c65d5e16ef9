/** One stored action: run it, and change it for those who may. */

export function ActionPage({ name }: { readonly name: string }) {
  return (
    <div class="page">
      <h1>{name}</h1>
    </div>
  );
}
