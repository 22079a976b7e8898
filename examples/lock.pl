#!/usr/bin/perl
# perl lock.pl COMMAND...: runs a command while it has deploy/prod, for at most the ttl: nothing renews it here.
# Needs XMLRPC::Lite (Debian: libxmlrpc-lite-perl).
use strict;
use warnings;
use Sys::Hostname;
use XMLRPC::Lite;

my $lockd  = XMLRPC::Lite->proxy($ENV{LOCKD_URL} || 'http://127.0.0.1:7420');
my $client = 'perl@' . hostname() . ":$$";

sub call {
    my $answer = $lockd->call(@_);
    die $answer->faultstring . "\n" if $answer->fault;
    return $answer->result;
}

# With a retry key the same call may be sent again after a lost answer.
my $options = { ttl => 600, wait => 10, request => "$client-" . time };
my $hold = call('lock', 'deploy/prod', $client, $options);
# As a string: as a number it would be too large for XML-RPC.
my $token = SOAP::Data->type(string => $hold->{token});
$ENV{LOCKD_TOKEN} = $hold->{token};
my $status = system { $ARGV[0] } @ARGV;
call('unlock', 'deploy/prod', $client, { token => $token });
exit($status >> 8 || ($status ? 1 : 0));
