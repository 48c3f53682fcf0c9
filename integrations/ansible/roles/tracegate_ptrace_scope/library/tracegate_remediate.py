#!/usr/bin/python
"""tracegate remediate as a module: `changed` and the diff are those of its plan."""

import json

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: tracegate_remediate
short_description: Sets kernel.yama.ptrace_scope, now and for each boot
description: Runs C(tracegate remediate), in check mode without C(--apply).
options:
  command: {description: The command with words of its own, type: list, elements: str, required: true}
  scope: {description: What it is set to, type: int, choices: [0, 1, 2, 3], required: true}
  root: {description: The system that runs or the directory of an unpacked image, type: path, default: /}
  allow_irreversible: {description: Consents to 3, type: bool, default: false}
  allow_downgrade: {description: Consents to a weaker value than there is, type: bool, default: false}
author: tracegate
"""

# By their names in the plan.
CONSENTS = {
    "allowIrreversible": ("allow_irreversible", "--allow-irreversible"),
    "allowDowngrade": ("allow_downgrade", "--allow-downgrade"),
}


def ask(module, *words):
    """Its report; or its refusal, in its own words, with the system's own way."""
    params = module.params
    asked = ["remediate", "--json", "--scope", str(params["scope"]), "--root", params["root"]]
    rc, out, err = module.run_command(params["command"] + asked + list(words))
    try:
        report = json.loads(out)
    except ValueError:
        module.fail_json(msg=err.strip() or "exit code %d, and no report" % rc, rc=rc)
    if "because" in report:
        module.fail_json(msg="%s: %s" % (report["system"], report["because"]), refusal=report)
    return report


def text(latin1):
    """In the plan a character is a byte."""
    return None if latin1 is None else latin1.encode("latin-1").decode("utf-8", "replace")


def diff_of(plan):
    """As Ansible's own modules tell theirs."""
    files = [
        {
            "before_header": change["path"] if change["before"] is not None else "/dev/null",
            "after_header": "%s (%s)" % (change["path"], change["why"]),
            "before": text(change["before"]) or "",
            "after": text(change["after"]),
        }
        for change in plan["changes"]
    ]
    running = plan["running"]
    if running is None:
        return files
    knob = "/proc/sys/kernel/yama/ptrace_scope"
    return files + [
        {
            "before_header": knob,
            "after_header": knob,
            "before": "%d\n" % running["from"],
            "after": "%d\n" % running["to"],
        }
    ]


def has_to_do(plan):
    return bool(plan["changes"]) or plan["running"] is not None


def main():
    consents = {name: {"type": "bool", "default": False} for name, _ in CONSENTS.values()}
    module = AnsibleModule(
        argument_spec=dict(
            command={"type": "list", "elements": "str", "required": True},
            scope={"type": "int", "choices": [0, 1, 2, 3], "required": True},
            root={"type": "path", "default": "/"},
            **consents
        ),
        supports_check_mode=True,
    )
    plan = ask(module)
    if has_to_do(plan) and module.check_mode:
        missing = [one for one in plan["consents"] if not module.params[CONSENTS[one][0]]]
        if missing:
            names = ", ".join("tracegate_%s: true" % CONSENTS[one][0] for one in missing)
            module.fail_json(msg="it would be refused without %s" % names, plan=plan)
    elif has_to_do(plan):
        given = [option for name, option in CONSENTS.values() if module.params[name]]
        plan = ask(module, "--apply", *given)
    module.exit_json(changed=has_to_do(plan), plan=plan, diff=diff_of(plan))


if __name__ == "__main__":
    main()
