# SPDX-License-Identifier: GPL-2.0-or-later
#
# @summary A ctpolicy policy, in its file and in the kernel.
#
# The file is written only if `ctpolicy check` accepts it, and applied where the kernel
# differs: a second run changes nothing, and `--noop` says what a run would do. An apply
# that ctpolicy refuses, since it would lock somebody out or pass by a ban, fails the
# run and leaves the rules as they are.
#
# @param policy          The policy, as YAML.
# @param manage_package  Install the package; false where the program is there already.
# @param path            Where the policy is kept, and applied from at boot.
# @param enable          Apply it at boot, and put back what other programs remove.
#
class ctpolicy (
  String[1] $policy,
  Boolean $manage_package = true,
  Pattern[/\A\//] $path = '/etc/ctpolicy/policy.yaml',
  Boolean $enable = true,
) {
  $bin = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/sbin', '/bin']

  if $manage_package {
    package { 'ctpolicy':
      ensure => installed,
      before => File[$path],
    }
  }

  file { $path:
    ensure       => file,
    owner        => 'root',
    group        => 'root',
    mode         => '0644',
    content      => $policy,
    validate_cmd => 'ctpolicy check %',
  }

  # 0: in force. 1: it differs. Whatever else goes wrong, apply says so. By a shell,
  # so that --noop has an answer on a host that has no ctpolicy yet.
  exec { 'ctpolicy apply':
    command  => "ctpolicy apply ${path}",
    unless   => "command -v ctpolicy >/dev/null && ctpolicy diff -q ${path} || false",
    path     => $bin,
    provider => shell,
    require  => File[$path],
  }

  if $enable {
    service { 'ctpolicy.service':
      enable  => true,
      require => Exec['ctpolicy apply'],
    }

    service { 'ctpolicy-watch.service':
      ensure  => running,
      enable  => true,
      require => Exec['ctpolicy apply'],
    }
  }
}
