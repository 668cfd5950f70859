# SPDX-License-Identifier: GPL-2.0-or-later
# services.ctpolicy: a policy as Nix, checked when the system is built, applied at boot
# and with each switch. `package` is ctpolicy, built from this source.
{ config, lib, pkgs, ... }:

let
  cfg = config.services.ctpolicy;
  # JSON is YAML
  written = pkgs.writeText "policy.yaml" (builtins.toJSON cfg.settings);
  policy = pkgs.runCommand "ctpolicy-policy.yaml" { } ''
    cp ${written} policy.yaml
    ${cfg.package}/bin/ctpolicy check policy.yaml
    cp policy.yaml $out
  '';
  hardening = {
    CapabilityBoundingSet = "CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_PTRACE";
    NoNewPrivileges = true;
    ProtectSystem = "strict";
    ProtectHome = "read-only";
    PrivateTmp = true;
    StateDirectory = "ctpolicy";
    StateDirectoryMode = "0700";
    RuntimeDirectory = "ctpolicy";
    RuntimeDirectoryMode = "0700";
    RuntimeDirectoryPreserve = true;
    ReadWritePaths = [ "/run" "/etc" ];
  };
in
{
  options.services.ctpolicy = {
    enable = lib.mkEnableOption "a policy of services that connection tracking leaves out";
    package = lib.mkOption {
      type = lib.types.package;
      description = "The package of ctpolicy.";
    };
    settings = lib.mkOption {
      type = lib.types.attrs;
      default = { };
      description = "The policy, as ctpolicy.yaml(5) describes it.";
      example = {
        version = 1;
        state_matching = "allowed";
        untracked = [
          { name = "web"; role = "server"; protocol = "tcp"; ports = [ 80 443 ]; }
        ];
      };
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
    environment.etc."ctpolicy/policy.yaml".source = policy;

    systemd.services.ctpolicy = {
      description = "Apply the ctpolicy policy";
      wantedBy = [ "sysinit.target" ];
      wants = [ "network-pre.target" ];
      before = [ "network-pre.target" "shutdown.target" ];
      conflicts = [ "shutdown.target" ];
      after = [ "local-fs.target" "nftables.service" "firewall.service" ];
      unitConfig.DefaultDependencies = false;
      # a switch to another policy applies it
      restartTriggers = [ policy ];
      serviceConfig = hardening // {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${cfg.package}/bin/ctpolicy apply --fallback ${policy}";
      };
    };

    systemd.services.ctpolicy-watch = {
      description = "Keep ctpolicy's rules in force";
      wantedBy = [ "multi-user.target" ];
      after = [ "ctpolicy.service" ];
      serviceConfig = hardening // {
        ExecStart = "${cfg.package}/bin/ctpolicy watch";
        Restart = "on-failure";
        RestartSec = 5;
      };
    };
  };
}
