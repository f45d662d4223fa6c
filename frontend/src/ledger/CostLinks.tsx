import { BookOpen, Coins, Receipt } from "lucide-react";
import { useLocation } from "wouter";
import { useMe } from "@/api/queries";
import { ButtonLink } from "@/ui/ButtonLink";
import styles from "./ledger.module.css";

const PAGES = [
  { href: "/cost", label: "Cost against quality", icon: Coins, staff: false },
  { href: "/cost/reference", label: "What others paid", icon: BookOpen, staff: false },
  { href: "/cost/prices", label: "Prices", icon: Receipt, staff: true },
];

/** From each page about cost to the others. */
export function CostLinks() {
  const [location] = useLocation();
  const isStaff = useMe().data?.is_staff ?? false;
  const others = PAGES.filter(({ href, staff }) => href !== location && (isStaff || !staff));
  return (
    <nav aria-label="Cost" className={styles.head}>
      {others.map(({ href, label, icon: Icon }) => (
        <ButtonLink key={href} href={href} icon={<Icon size={14} />}>
          {label}
        </ButtonLink>
      ))}
    </nav>
  );
}
