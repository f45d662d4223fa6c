import { Dialog } from "@/ui/Dialog";
import styles from "./ShortcutSheet.module.css";
import { keyLabel, type ShortcutGroup, useShortcutGroups } from "./shortcuts";

/** Every key that works on the page one is on. */
export function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const groups = withKeys(useShortcutGroups());
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      {groups.map((group) => (
        <section key={group.title}>
          <h3>{group.title}</h3>
          <dl className={styles.keys}>
            {group.shortcuts.map((shortcut) => (
              <div key={shortcut.keys}>
                <dt>
                  {shortcut.keys.split(" ").map((keys) => (
                    <kbd key={keys}>{keyLabel(keys)}</kbd>
                  ))}
                </dt>
                <dd>{shortcut.label}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}

/** What only the palette knows is left out. */
function withKeys(groups: readonly ShortcutGroup[]): ShortcutGroup[] {
  return groups
    .map(({ title, shortcuts }) => ({ title, shortcuts: shortcuts.filter(({ keys }) => keys) }))
    .filter(({ shortcuts }) => shortcuts.length > 0);
}
