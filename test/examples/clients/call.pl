# perl call.pl URL METHOD ARGUMENT…: makes one call and prints what came back as JSON.
use strict;
use warnings;
use JSON::PP;
use XMLRPC::Lite;

my ($url, $method, @arguments) = @ARGV;
my $answer = XMLRPC::Lite->proxy($url)->call($method, map { SOAP::Data->type(string => $_) } @arguments);
my $json = JSON::PP->new->canonical->allow_nonref->allow_blessed;
if ($answer->fault) {
    print $json->encode({ fault => [$answer->faultcode + 0, $answer->faultstring] }), "\n";
} elsif (ref $answer->result) {
    print $json->encode({ value => $answer->result }), "\n";
} else {
    # A boolean is 1 to it.
    print $json->encode({ value => $answer->result eq '1' ? JSON::PP::true : $answer->result }), "\n";
}
