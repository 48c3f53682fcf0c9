/** A kernel command line that a boot loader offers. */
export interface BootEntry {
  file: string;
  line: number;
  commandLine: string;
}

/** Where the boot partition and the EFI system partition are mounted. */
export const bootDirectories = ['/boot', '/boot/efi', '/efi'];
