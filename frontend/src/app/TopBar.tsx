import {
  Clock,
  Command,
  Keyboard,
  LogOut,
  Monitor,
  Moon,
  Search,
  Sun,
  UserRound,
} from "lucide-react";
import { useEffect, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { useMe } from "@/api/queries";
import { IconButton } from "@/ui/Button";
import { toggleExactTimes, useExactTimes } from "@/ui/exactTimes";
import { Menu } from "@/ui/Menu";
import { keyLabel } from "./shortcuts";
import { signOut } from "./signOut";
import styles from "./TopBar.module.css";
import { setTheme, type Theme, useTheme } from "./theme";
import { useCurrentTitle } from "./title";

interface TopBarProps {
  onPalette: () => void;
  onShortcuts: () => void;
}

export function TopBar({ onPalette, onShortcuts }: TopBarProps) {
  const { title, parent } = useCurrentTitle();
  return (
    <header className={styles.bar}>
      <div className={styles.place}>
        {parent && (
          <>
            <Link href={parent.href}>{parent.label}</Link>
            <span aria-hidden>/</span>
          </>
        )}
        <h1 className={styles.title}>{title}</h1>
      </div>
      <SearchField />
      <IconButton label="Command palette" shortcut={keyLabel("Mod+k")} onClick={onPalette}>
        <Command size={16} />
      </IconButton>
      <ThemeMenu />
      <AccountMenu onShortcuts={onShortcuts} />
    </header>
  );
}

/** Finds runs by name; on the list of runs it filters as one types. */
function SearchField() {
  const [location, navigate] = useLocation();
  const [params, setParams] = useSearchParams();
  const inAddress = location === "/" ? (params.get("q") ?? "") : "";
  const [text, setText] = useState(inAddress);
  useEffect(() => setText(inAddress), [inAddress]);

  const search = (value: string) => {
    setText(value);
    if (location !== "/") return;
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (value) next.set("q", value);
        else next.delete("q");
        return next;
      },
      { replace: true },
    );
  };
  return (
    <search className={styles.search}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (location !== "/") navigate(`/?q=${encodeURIComponent(text)}`);
        }}
      >
        <Search size={14} aria-hidden />
        <input
          type="search"
          aria-label="Search runs"
          aria-keyshortcuts="/"
          placeholder="Search runs"
          value={text}
          onChange={(event) => search(event.target.value)}
          onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        />
        <kbd>/</kbd>
      </form>
    </search>
  );
}

const THEMES: { theme: Theme; label: string; icon: typeof Sun }[] = [
  { theme: "system", label: "As the system", icon: Monitor },
  { theme: "light", label: "Light", icon: Sun },
  { theme: "dark", label: "Dark", icon: Moon },
];

function ThemeMenu() {
  const theme = useTheme();
  const Icon = THEMES.find((entry) => entry.theme === theme)?.icon ?? Monitor;
  return (
    <Menu
      label="Theme"
      items={THEMES.map(({ theme: choice, label, icon: Choice }) => ({
        label,
        icon: <Choice size={14} />,
        onSelect: () => setTheme(choice),
      }))}
      trigger={(props) => (
        <IconButton label="Theme" {...props}>
          <Icon size={16} />
        </IconButton>
      )}
    />
  );
}

function AccountMenu({ onShortcuts }: { onShortcuts: () => void }) {
  const me = useMe();
  const name = me.data?.username ?? "Account";
  const times = useExactTimes() ? "Times as how long ago" : "Exact times";
  return (
    <Menu
      label="Account"
      items={[
        { label: "Keyboard shortcuts", icon: <Keyboard size={14} />, onSelect: onShortcuts },
        { label: times, icon: <Clock size={14} />, onSelect: toggleExactTimes },
        { label: `Sign out ${name}`, icon: <LogOut size={14} />, onSelect: signOut },
      ]}
      trigger={(props) => (
        <IconButton label={name} {...props}>
          <UserRound size={16} />
        </IconButton>
      )}
    />
  );
}
